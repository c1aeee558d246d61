// A client made of a plain socket, for tests that have to say exactly what goes over the wire.
// Every wait has a deadline, and what it waits for is an event of the socket, never time itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mw::http::testing {

/// Long enough for a loaded machine; a test that reaches it has failed.
inline constexpr int kDeadlineMs = 20'000;

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

enum class BodyIs : std::uint8_t { kThere, kLeftOut };

class RawClient {
 public:
  /// Connects; `receive_buffer`: bytes, 0 for the system's choice.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  /// False when the server has closed.
  bool say(std::string_view bytes);
  void finish_saying();
  /// The next response with its whole body; none when the connection ended or time ran out.
  /// kLeftOut: as after HEAD.
  std::optional<RawResponse> hear(BodyIs body = BodyIs::kThere);
  /// The head of the next response only.
  std::optional<RawResponse> hear_head();
  /// Bytes of a chunked body up to and with `end`; what came before the deadline otherwise.
  std::string hear_until(std::string_view end);
  /// True when the server ends the connection, whatever it sends before.
  bool hear_end();

 private:
  /// Reads more into input_; false at the end, on an error and at the deadline.
  bool receive();
  bool take_line(std::string& line);
  bool take(std::size_t size, std::string& bytes);
  bool take_chunk(std::string& body, bool& last);

  int fd_ = -1;
  std::string input_;
  std::string stream_;  ///< decoded from chunks, not yet given out
};

/// "METHOD target HTTP/1.1" with a Host header, a Content-Length when there is a body, and
/// `headers` ("Name: value\r\n" each).
std::string request_text(std::string_view method, std::string_view target,
                         std::string_view headers = {}, std::string_view body = {});

}  // namespace mw::http::testing
