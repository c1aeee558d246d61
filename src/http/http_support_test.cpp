#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "http/http_test_support.h"

namespace mw::http::testing {

RawClient::RawClient(std::uint16_t port, int receive_buffer) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0)
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

RawClient::~RawClient() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawClient::say(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd entry{fd_, POLLOUT, 0};
    if (::poll(&entry, 1, kDeadlineMs) != 1) return false;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::finish_saying() { ::shutdown(fd_, SHUT_WR); }

bool RawClient::receive() {
  pollfd entry{fd_, POLLIN, 0};
  if (::poll(&entry, 1, kDeadlineMs) != 1) return false;
  char chunk[16384];
  const ssize_t size = ::recv(fd_, chunk, sizeof chunk, 0);
  if (size <= 0) return false;
  input_.append(chunk, static_cast<std::size_t>(size));
  return true;
}

bool RawClient::take_line(std::string& line) {
  std::size_t end = 0;
  while ((end = input_.find("\r\n")) == std::string::npos) {
    if (!receive()) return false;
  }
  line = input_.substr(0, end);
  input_.erase(0, end + 2);
  return true;
}

bool RawClient::take(std::size_t size, std::string& bytes) {
  while (input_.size() < size) {
    if (!receive()) return false;
  }
  bytes.append(input_, 0, size);
  input_.erase(0, size);
  return true;
}

bool RawClient::take_chunk(std::string& body, bool& last) {
  std::string line;
  if (!take_line(line)) return false;
  const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
  last = size == 0;
  return take(size, body) && take_line(line);
}

std::optional<RawResponse> RawClient::hear_head() {
  RawResponse response;
  std::string line;
  do {
    response = {};
    if (!take_line(line) || line.size() < 12) return std::nullopt;
    response.status = std::atoi(line.c_str() + 9);
    while (true) {
      if (!take_line(line)) return std::nullopt;
      if (line.empty()) break;
      const std::size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      response.headers[name] = line.substr(std::min(colon + 2, line.size()));
    }
  } while (response.status == 100);
  return response;
}

std::optional<RawResponse> RawClient::hear(BodyIs body) {
  auto response = hear_head();
  if (!response || body == BodyIs::kLeftOut) return response;
  if (response->header("transfer-encoding") == "chunked") {
    for (bool last = false; !last;) {
      if (!take_chunk(response->body, last)) return std::nullopt;
    }
    return response;
  }
  const std::size_t length = std::strtoul(response->header("content-length").c_str(), nullptr, 10);
  if (!take(length, response->body)) return std::nullopt;
  return response;
}

std::string RawClient::hear_until(std::string_view end) {
  while (stream_.find(end) == std::string::npos) {
    bool last = false;
    if (!take_chunk(stream_, last) || last) return std::exchange(stream_, {});
  }
  const std::size_t size = stream_.find(end) + end.size();
  std::string text = stream_.substr(0, size);
  stream_.erase(0, size);
  return text;
}

bool RawClient::hear_end() {
  while (true) {
    pollfd entry{fd_, POLLIN, 0};
    if (::poll(&entry, 1, kDeadlineMs) != 1) return false;
    char chunk[16384];
    if (::recv(fd_, chunk, sizeof chunk, 0) <= 0) return true;
  }
}

std::string request_text(std::string_view method, std::string_view target, std::string_view headers,
                         std::string_view body) {
  std::string text = std::string(method) + " " + std::string(target) +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(headers);
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

}  // namespace mw::http::testing
