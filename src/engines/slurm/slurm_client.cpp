#include "engines/slurm/slurm_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>

#include "codec/timestamp.h"
#include "codec/units.h"
#include "engines/slurm/slurm_command.h"

namespace mw::slurm {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr long kConnectTimeoutMs = 3'000;
/// slurmrestd waits for slurmctld up to MessageTimeout (10 s by default, 100 s on the largest).
constexpr long kTimeoutMs = 120'000;
constexpr long kNodesTimeoutMs = 10'000;
/// slurmrestd 22.05 takes 0.7 s for 2,000, and the square of that for more.
constexpr std::size_t kNodesByRestMax = 5'000;
/// Lists of a cluster of 31,250 busy nodes are some 100 MB.
constexpr std::size_t kBodyBytesMax = std::size_t{1} << 30;

// Of slurm_errno.h. From 2000 on slurmctld refuses; below and from 5000 on it was not reached, or
// its answer got lost.
constexpr std::int64_t kNotReached = 1800;
constexpr std::int64_t kFirstRefusal = 2000;
constexpr std::int64_t kLastRefusal = 4999;
constexpr std::int64_t kFirstAuthentication = 6000;
constexpr std::int64_t kLastAuthentication = 6999;
constexpr std::int64_t kAccessDenied = 2002;
constexpr std::int64_t kInvalidJob = 2017;
constexpr std::int64_t kAlreadyDone = 2021;
/// ESLURM_JOB_HELD: no refusal. The job was taken, and a rule of the cluster's holds it.
constexpr std::int64_t kTakenAndHeld = 2042;
constexpr std::int64_t kParsingFailed = 9001;

std::size_t append(char* data, std::size_t size, std::size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size * count > kBodyBytesMax) return 0;  // ends the transfer with an error
  body.append(data, size * count);
  return size * count;
}

/// Called by libcurl again and again: other than 0 ends the transfer.
int give_up(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

bool never_sent(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_URL_MALFORMAT;
}

ErrorCode code_of(const RestFault& fault) {
  if (fault.number >= kFirstAuthentication && fault.number <= kLastAuthentication) {
    return ErrorCode::kForbidden;
  }
  switch (fault.number) {
    case kNotReached:
      return ErrorCode::kUnavailable;
    case kAccessDenied:
      return ErrorCode::kForbidden;
    case kInvalidJob:
      return ErrorCode::kNotFound;
    case kAlreadyDone:
      return ErrorCode::kConflict;
    case kTakenAndHeld:
      return ErrorCode::kTimeout;
    case kParsingFailed:
      return ErrorCode::kInvalid;
    default:
      return fault.number >= kFirstRefusal && fault.number <= kLastRefusal ? ErrorCode::kInvalid
                                                                           : ErrorCode::kTimeout;
  }
}

}  // namespace

/// The connection, kept from one request to the next where slurmrestd allows it.
class SlurmClient::Transfer {
 public:
  Transfer() : handle_(::curl_easy_init()) {}
  ~Transfer() { ::curl_easy_cleanup(handle_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  [[nodiscard]] CURL* handle() const { return handle_; }

 private:
  CURL* handle_;
};

Result<void> check_address(const std::string& address) {
  const bool socket = address.starts_with(std::string(kUnix) + "/");
  if (socket || address.starts_with("http://") || address.starts_with("https://")) return {};
  return Error{ErrorCode::kInvalid,
               "--slurm: expected unix:/PATH of slurmrestd's socket, or http://HOST:PORT, found " +
                   in_quotes(address)};
}

SlurmClient::SlurmClient(std::string address, Identity identity, const std::atomic<bool>& stop)
    : address_(std::move(address)),
      identity_(std::move(identity)),
      stop_(stop),
      transfer_(std::make_unique<Transfer>()) {
  while (address_.ends_with('/')) address_.pop_back();
}
SlurmClient::~SlurmClient() = default;

Result<SlurmClient::Reply> SlurmClient::ask(const char* method, const std::string& path,
                                            const std::string* body, const std::string& user) {
  CURL* curl = transfer_->handle();
  ::curl_easy_reset(curl);
  const bool socket = address_.starts_with(kUnix);
  const std::string url = (socket ? "http://localhost" : address_) + path;
  Reply reply;
  ::curl_slist* headers = nullptr;
  for (const std::string& header : identity_.headers(user, wall_clock())) {
    headers = ::curl_slist_append(headers, header.c_str());
  }
  if (body != nullptr) headers = ::curl_slist_append(headers, "Content-Type: application/json");
  headers = ::curl_slist_append(headers, "Expect:");  // no round trip before a large body
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  if (socket) {
    ::curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address_.c_str() + kUnix.size());
  }
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");  // names of users and jobs go nowhere else
  ::curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  if (body != nullptr) {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
  }
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms_ != 0 ? timeout_ms_ : kTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, give_up);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop_);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  const CURLcode code = ::curl_easy_perform(curl);
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  ::curl_slist_free_all(headers);
  if (code == CURLE_OK) return reply;
  return Error{never_sent(code) ? ErrorCode::kUnavailable : ErrorCode::kTimeout,
               fmt::format("slurmrestd at {}: {}", address_, ::curl_easy_strerror(code))};
}

Result<std::string> SlurmClient::get(const std::string& path, const std::string& user) {
  auto reply = ask("GET", path, nullptr, user);
  if (!reply) return Error{ErrorCode::kUnavailable, reply.error().message};
  if (reply->status >= 200 && reply->status < 300) return std::move(reply->body);
  if (const auto fault = read_fault(reply->body)) {
    const ErrorCode code = code_of(*fault);
    const bool said = code == ErrorCode::kForbidden || code == ErrorCode::kNotFound;
    return Error{said ? code : ErrorCode::kUnavailable, "Slurm says: " + fault->text};
  }
  const bool unknown_to_it = reply->status == 401 || reply->status == 403 ||
                             reply->body.find("uthentication") != std::string::npos;
  if (unknown_to_it) {
    return Error{
        ErrorCode::kForbidden,
        fmt::format("slurmrestd at {} does not take us for user {}: {}", address_, identity_.self(),
                    address_.starts_with(kUnix)
                        ? "over its socket it hears only the user that it runs as, and "
                          "root; run mw as that user"
                        : "the key of --slurm-jwt-key is not the cluster's, or slurmrestd "
                          "does not take tokens (-a rest_auth/jwt, SLURM_JWT=daemon)")};
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("slurmrestd at {} answered {} with status {}: {}", address_, path,
                           reply->status, in_quotes(reply->body.substr(0, 120)))};
}

Result<void> SlurmClient::connect() {
  const auto description = get("/openapi/v3", identity_.self());
  if (!description) return description.error();
  const auto version = choose_version(*description);
  if (!version) return version.error();
  version_ = *version;
  return {};
}

Result<std::vector<SlurmNode>> SlurmClient::nodes(std::size_t expected) {
  const bool may_be_slow = version_.number == kRestOldest;
  if (may_be_slow && expected >= kNodesByRestMax) nodes_by_command_ = true;
  if (!nodes_by_command_) {
    timeout_ms_ = may_be_slow ? kNodesTimeoutMs : 0;
    const auto body = get(version_.path() + "/nodes", identity_.self());
    timeout_ms_ = 0;
    if (body) return read_nodes(*body);
    if (!may_be_slow || body.error().message.find("Timeout was reached") == std::string::npos) {
      return body.error();
    }
  }
  const auto listed = query({"sinfo", "-a", "--json"});
  if (!listed) {
    return Error{ErrorCode::kUnavailable,
                 "slurmrestd takes too long to list its nodes (22.05 does, of many), and " +
                     listed.error().message +
                     "; sinfo has to work here, as the user that serves (SLURM_CONF)"};
  }
  nodes_by_command_ = true;
  return read_nodes(*listed);
}

Result<std::vector<NodeStates>> SlurmClient::node_states() {
  const auto said = query(node_states_command());
  if (!said) return said.error();
  return read_node_states(*said);
}

Result<std::vector<SlurmPartition>> SlurmClient::partitions() {
  const auto body = get(version_.path() + "/partitions", identity_.self());
  if (!body) return body.error();
  return read_partitions(*body);
}

Result<std::vector<SlurmJob>> SlurmClient::jobs() {
  const auto body = get(version_.path() + "/jobs", identity_.self());
  if (!body) return body.error();
  return read_jobs(*body);
}

Result<std::vector<SlurmJob>> SlurmClient::job(SlurmJobId job, const std::string& user) {
  const auto body = get(fmt::format("{}/job/{}", version_.path(), job), user);
  if (!body) return body.error();
  return read_jobs(*body);
}

Result<SlurmJobId> SlurmClient::submit(const SlurmSubmission& submission, const std::string& user) {
  if (const auto allowed = identity_.may_act_as(user); !allowed) return allowed.error();
  const std::string body = write_submission(submission, version_);
  const auto reply = ask("POST", version_.path() + "/job/submit", &body, user);
  if (!reply) return reply.error();
  if (const auto fault = read_fault(reply->body)) {
    // Where its number is not told (22.05) the next list has it.
    auto held = read_submitted(reply->body);
    if (fault->number == kTakenAndHeld && held) return held;
    return Error{code_of(*fault), "Slurm says: " + fault->text};
  }
  if (reply->status == 401 || reply->status == 403) {
    return Error{ErrorCode::kForbidden, "slurmrestd did not take us for user " + user};
  }
  if (reply->status != 200) {
    return Error{ErrorCode::kTimeout,
                 fmt::format("slurmrestd answered a submit with status {}: {}", reply->status,
                             in_quotes(reply->body.substr(0, 120)))};
  }
  auto id = read_submitted(reply->body);
  if (!id) return Error{ErrorCode::kTimeout, id.error().message};
  return id;
}

/// Of a request that asks for nothing but to be done.
Result<void> SlurmClient::done(const Result<Reply>& reply) {
  if (!reply) return reply.error();
  if (const auto fault = read_fault(reply->body)) {
    return Error{code_of(*fault), "Slurm says: " + fault->text};
  }
  if (reply->status >= 200 && reply->status < 300) return {};
  return Error{ErrorCode::kTimeout,
               fmt::format("slurmrestd answered with status {}: {}", reply->status,
                           in_quotes(reply->body.substr(0, 120)))};
}

Result<void> SlurmClient::delete_job(const std::string& job, const std::string& query,
                                     const std::string& user) {
  return done(
      ask("DELETE", fmt::format("{}/job/{}{}", version_.path(), job, query), nullptr, user));
}

Result<void> SlurmClient::signal(SlurmJobId job, const std::string& signal,
                                 const std::string& user) {
  return delete_job(std::to_string(job), "?signal=" + signal, user);
}

Result<void> SlurmClient::cancel(const std::string& job, const std::string& user) {
  return delete_job(job, "", user);
}

Result<void> SlurmClient::change(const std::string& path, const std::string& body) {
  return done(ask("POST", version_.path() + path, &body, identity_.self()));
}

Result<void> SlurmClient::release(const std::string& job, const SlurmRelease& release) {
  return change("/job/" + job, write_release(release, version_));
}

Result<void> SlurmClient::hold(const std::string& job) {
  return change("/job/" + job, write_hold(true));
}

Result<void> SlurmClient::unhold(const std::string& job) {
  return change("/job/" + job, write_hold(false));
}

Result<void> SlurmClient::unpin(const std::string& job) {
  // No version of the interface takes "no nodes" for an answer to which nodes it is to have.
  return command({"scontrol", "update", "JobId=" + job, "NodeList="});
}

Result<void> SlurmClient::let_go(const std::string& job) {
  if (auto freed = unpin(job); !freed) return freed;
  return unhold(job);
}

Result<void> SlurmClient::requeue_hold(const std::string& job) {
  return command({"scontrol", "requeuehold", job});
}

Result<void> SlurmClient::note(const std::string& job, const std::string& text) {
  return command({"scontrol", "update", "JobId=" + job, "AdminComment=" + scontrol_value(text)});
}

Result<void> SlurmClient::change(const NodeOrder& order) {
  if (can_change_nodes(version_)) return change("/node/" + order.node, write_node_order(order));
  std::vector<std::string> arguments = {"scontrol", "update", "NodeName=" + order.node,
                                        order.drain ? "State=DRAIN" : "State=RESUME"};
  if (order.drain) arguments.push_back("Reason=" + order.reason);
  return command(std::move(arguments));
}

Result<void> SlurmClient::reboot(const std::string& node, const std::string& reason) {
  return command({"scontrol", "reboot", "reason=" + scontrol_value(reason), node});
}

Result<std::string> SlurmClient::configuration() { return query({"scontrol", "show", "config"}); }

Result<void> SlurmClient::command(std::vector<std::string> arguments) {
  return run_command(arguments, identity_.token(identity_.self(), wall_clock()), stop_);
}

Result<std::string> SlurmClient::query(const std::vector<std::string>& arguments) {
  return run_query(arguments, identity_.token(identity_.self(), wall_clock()), stop_);
}

}  // namespace mw::slurm
