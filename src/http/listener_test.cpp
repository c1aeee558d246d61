// Connections: the limits, and the clients that are slow, silent, broken or hostile. The handler
// here is a small one that the test holds in its hands; routes are tested elsewhere.
#include "http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "http/http_test_support.h"
#include "http/router.h"

namespace mw::http {
namespace {

using testing::BodyIs;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::request_text;

/// A stream that says what the test puts in.
class TestStream : public ByteStream {
 public:
  void pull(std::function<void(std::string)> done) override {
    std::unique_lock lock(mutex_);
    ++pulls_;
    if (pieces_.empty()) {
      waiting_ = std::move(done);
      return;
    }
    std::string piece = std::move(pieces_.front());
    pieces_.erase(pieces_.begin());
    lock.unlock();
    done(std::move(piece));
  }
  [[nodiscard]] std::string heartbeat() const override { return ":\n"; }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  void put(std::string piece) {
    std::unique_lock lock(mutex_);
    if (!waiting_) {
      pieces_.push_back(std::move(piece));
      return;
    }
    auto done = std::exchange(waiting_, nullptr);
    lock.unlock();
    done(std::move(piece));
  }
  bool wait_cancelled() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(testing::kDeadlineMs),
                             [this] { return cancelled_; });
  }
  int pulls() {
    const std::lock_guard lock(mutex_);
    return pulls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> pieces_;
  std::function<void(std::string)> waiting_;
  bool cancelled_ = false;
  int pulls_ = 0;
};

/// /echo gives back the body, /never does not answer, /later answers when the test says so,
/// /stream is `stream`; /no is refused by its head.
class TestHandler : public RequestHandler {
 public:
  std::optional<Response> admit(Request& head) override {
    if (head.target.starts_with("/no")) return error_response(Error{ErrorCode::kForbidden, "no"});
    if (head.target == "/echo" && head.method == "PUT") head.route = &large;
    return std::nullopt;
  }
  void handle(std::shared_ptr<const Request> request, Reply reply) override {
    ++handled;
    Response response;
    response.content_type = "text/plain";
    if (request->target == "/echo") {
      response.body = request->body;
      reply(std::move(response));
    } else if (request->target == "/stream") {
      response.stream = stream;
      reply(std::move(response));
    } else {
      const std::lock_guard lock(mutex_);
      kept_.push_back(std::move(reply));
      changed_.notify_all();
    }
  }
  void finished(const Request*, int status, Duration) override {
    const std::lock_guard lock(mutex_);
    statuses_.push_back(status);
  }
  /// Waits for `count` requests that were not answered, and gives their replies.
  std::vector<Reply> take_kept(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(testing::kDeadlineMs),
                      [&] { return kept_.size() >= count; });
    return std::exchange(kept_, {});
  }

  Route large;  ///< of PUT /echo
  std::atomic<int> handled{0};
  std::shared_ptr<TestStream> stream = std::make_shared<TestStream>();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Reply> kept_;
  std::vector<int> statuses_;
};

class ListenerTest : public ::testing::Test {
 protected:
  void start(Limits limits = {}) {
    Listener::Options options;
    options.limits = limits;
    listener.emplace(options, handler);
    const auto bound = listener->bind();
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    listener->serve();
    ASSERT_NE(listener->port(), 0);
  }
  /// Another client gets its answer: nobody blocks it.
  void expect_others_are_served() {
    RawClient client(listener->port());
    ASSERT_TRUE(client.say(request_text("POST", "/echo", "", "others")));
    const auto response = client.hear();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body, "others");
  }
  bool wait_for_connections(std::size_t count) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(testing::kDeadlineMs);
    while (listener->stats().connections != count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TestHandler handler;
  std::optional<Listener> listener;
};

TEST_F(ListenerTest, ServesOneRequestAfterAnotherOnOneConnection) {
  start();
  RawClient client(listener->port());
  for (const char* body : {"one", "two", "three"}) {
    ASSERT_TRUE(client.say(request_text("POST", "/echo", "", body)));
    const auto response = client.hear();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, body);
    EXPECT_EQ(response->header("x-content-type-options"), "nosniff");
    EXPECT_EQ(response->header("cache-control"), "no-store");
    // Agents compare their clocks with it (src/http/http_date.h).
    EXPECT_THAT(std::string(response->header("date")), ::testing::EndsWith(" GMT"));
  }
  EXPECT_EQ(listener->stats().accepted, 1U);
}

TEST_F(ListenerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(listener->port());
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += request_text("POST", "/echo", "", "body " + std::to_string(i));
  ASSERT_TRUE(client.say(all));
  for (int i = 0; i < 50; ++i) {
    const auto response = client.hear();
    ASSERT_TRUE(response.has_value()) << i;
    EXPECT_EQ(response->body, "body " + std::to_string(i));
  }
}

TEST_F(ListenerTest, PipelinedRequestsWaitForTheOneBeforeThem) {
  start();
  RawClient client(listener->port());
  ASSERT_TRUE(
      client.say(request_text("GET", "/later") + request_text("POST", "/echo", "", "second")));
  auto replies = handler.take_kept(1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(handler.handled, 1) << "the second is not handled before the first is answered";
  Response first;
  first.body = "first";
  replies[0](first);
  replies[0](first);  // once more than it should: does nothing
  EXPECT_EQ(client.hear()->body, "first");
  EXPECT_EQ(client.hear()->body, "second");
}

TEST_F(ListenerTest, TakesChunkedBodiesAndOnesThatWaitForContinue) {
  start();
  RawClient client(listener->port());
  ASSERT_TRUE(
      client.say("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n"));
  EXPECT_EQ(client.hear()->body, "abcdefg");
  ASSERT_TRUE(client.say(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(handler.handled, 1);
  ASSERT_TRUE(client.say("hello"));
  EXPECT_EQ(client.hear()->body, "hello");

  RawClient refused(listener->port());
  ASSERT_TRUE(refused.say(
      "POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(refused.hear()->status, 403) << "refused before the body was asked for";
  EXPECT_TRUE(refused.hear_end());
}

TEST_F(ListenerTest, AnswersHeadWithoutABody) {
  start();
  RawClient client(listener->port());
  ASSERT_TRUE(client.say(request_text("HEAD", "/echo", "", "12345")));
  const auto response = client.hear(BodyIs::kLeftOut);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->header("content-length"), "5");
  ASSERT_TRUE(client.say(request_text("POST", "/echo", "", "next")));
  EXPECT_EQ(client.hear()->body, "next") << "no body came in between";
}

TEST_F(ListenerTest, HonoursTheConnectionHeaderAndHttp10) {
  start();
  RawClient closing(listener->port());
  ASSERT_TRUE(closing.say(request_text("POST", "/echo", "Connection: close\r\n", "x")));
  EXPECT_EQ(closing.hear()->header("connection"), "close");
  EXPECT_TRUE(closing.hear_end());
  RawClient old(listener->port());
  ASSERT_TRUE(old.say("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"));
  EXPECT_EQ(old.hear()->body, "x");
  EXPECT_TRUE(old.hear_end());
}

TEST_F(ListenerTest, AnswersAClientThatHasFinishedSaying) {
  start();
  RawClient client(listener->port());
  ASSERT_TRUE(client.say(request_text("POST", "/echo", "", "half closed")));
  client.finish_saying();
  EXPECT_EQ(client.hear()->body, "half closed");
  EXPECT_TRUE(client.hear_end());
}

TEST_F(ListenerTest, RefusesWhatIsNotHttp) {
  start();
  const char* cases[] = {
      "garbage\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET  / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\n folded: no\x01\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting",
  };
  for (const char* text : cases) {
    SCOPED_TRACE(text);
    RawClient client(listener->port());
    ASSERT_TRUE(client.say(text));
    client.finish_saying();
    const auto response = client.hear();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 400);
    EXPECT_THAT(response->body, HasSubstr("\"code\":\"invalid\""));
    EXPECT_TRUE(client.hear_end());
  }
  EXPECT_EQ(handler.handled, 0);
  expect_others_are_served();
}

TEST_F(ListenerTest, RefusesHeadersThatAreTooLarge) {
  Limits limits;
  limits.header_bytes = 1024;
  start(limits);
  const std::string cases[] = {
      request_text("GET", "/echo", "X: " + std::string(2000, 'x') + "\r\n"),
      request_text("GET", "/" + std::string(2000, 'x')),
      "GET /echo HTTP/1.1\r\nX: " + std::string(200'000, 'x'),
  };
  for (const std::string& text : cases) {
    RawClient client(listener->port());
    client.say(text);
    const auto response = client.hear();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 431);
    EXPECT_THAT(response->body, HasSubstr("\"code\":\"too_large\""));
    EXPECT_TRUE(client.hear_end());
  }
  RawClient fits(listener->port());
  ASSERT_TRUE(
      fits.say(request_text("POST", "/echo", "X: " + std::string(800, 'x') + "\r\n", "ok")));
  EXPECT_EQ(fits.hear()->body, "ok");
}

TEST_F(ListenerTest, ARouteMayTakeLargerBodies) {
  Limits limits;
  limits.body_bytes = 1000;
  start(limits);
  handler.large.body_bytes = 2000;
  RawClient fits(listener->port());
  ASSERT_TRUE(fits.say(request_text("PUT", "/echo", "", std::string(2000, 'x'))));
  EXPECT_EQ(fits.hear()->body.size(), 2000U);
  RawClient other(listener->port());
  ASSERT_TRUE(other.say(request_text("POST", "/echo", "", std::string(1001, 'x'))));
  EXPECT_EQ(other.hear()->status, 413);
  RawClient larger(listener->port());
  ASSERT_TRUE(larger.say("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2001\r\n\r\n"));
  const auto refused = larger.hear();
  EXPECT_EQ(refused->status, 413);
  EXPECT_THAT(refused->body, HasSubstr("larger than 2000 bytes"));
}

TEST_F(ListenerTest, RefusesBodiesThatAreTooLarge) {
  Limits limits;
  limits.body_bytes = 1000;
  start(limits);
  RawClient exact(listener->port());
  ASSERT_TRUE(exact.say(request_text("POST", "/echo", "", std::string(1000, 'x'))));
  EXPECT_EQ(exact.hear()->body.size(), 1000U);

  RawClient announced(listener->port());
  ASSERT_TRUE(announced.say("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"));
  EXPECT_EQ(announced.hear()->status, 413) << "before any of it was sent";
  EXPECT_TRUE(announced.hear_end());

  RawClient chunked(listener->port());
  std::string body = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) body += "64\r\n" + std::string(100, 'x') + "\r\n";
  chunked.say(body + "0\r\n\r\n");
  EXPECT_EQ(chunked.hear()->status, 413);

  RawClient stubborn(listener->port());  // sends it all before it listens
  ASSERT_TRUE(stubborn.say("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
                           std::string(1'000'000, 'x')));
  const auto response = stubborn.hear();
  ASSERT_TRUE(response.has_value()) << "the answer is not lost in a reset";
  EXPECT_EQ(response->status, 413);
}

TEST_F(ListenerTest, TurnsAwayConnectionsOverTheLimit) {
  Limits limits;
  limits.connections = 3;
  start(limits);
  {
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 3; ++i) idle.push_back(std::make_unique<RawClient>(listener->port()));
    ASSERT_TRUE(wait_for_connections(3));
    RawClient extra(listener->port());
    const auto response = extra.hear();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 503);
    EXPECT_EQ(response->header("retry-after"), "1");
    EXPECT_TRUE(extra.hear_end());
    EXPECT_EQ(listener->stats().refused, 1U);
    ASSERT_TRUE(idle[0]->say(request_text("POST", "/echo", "", "mine")));
    EXPECT_EQ(idle[0]->hear()->body, "mine") << "those who are in stay in";
  }
  ASSERT_TRUE(wait_for_connections(0));
  expect_others_are_served();
}

TEST_F(ListenerTest, HundredsOfIdleConnectionsCostNobodyAnything) {
  start();
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 400; ++i) {
    idle.push_back(std::make_unique<RawClient>(listener->port()));
    ASSERT_TRUE(idle.back()->connected());
  }
  expect_others_are_served();
}

TEST_F(ListenerTest, SlowHeadersAreCutOffAndBlockNobody) {
  Limits limits;
  limits.header_timeout = milliseconds(300);
  start(limits);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawClient>(listener->port()));
    ASSERT_TRUE(slow.back()->say("GET /echo HTTP/1.1\r\nX-Slow: "));
  }
  expect_others_are_served();
  // Drip until the server has enough: the deadline is for the whole head, not for each byte.
  for (auto& client : slow) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(testing::kDeadlineMs);
    while (client->say("x") && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_TRUE(client->hear_end());
  }
  EXPECT_EQ(handler.handled, 1) << "only the other one's";
}

TEST_F(ListenerTest, SlowBodiesAndSilentConnectionsAreCutOff) {
  Limits limits;
  limits.body_timeout = milliseconds(200);
  limits.idle_timeout = milliseconds(200);
  start(limits);
  RawClient slow(listener->port());
  ASSERT_TRUE(slow.say("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nxyz"));
  RawClient silent(listener->port());
  RawClient idle(listener->port());
  ASSERT_TRUE(idle.say(request_text("POST", "/echo", "", "once")));
  EXPECT_EQ(idle.hear()->body, "once");
  EXPECT_TRUE(slow.hear_end());
  EXPECT_TRUE(silent.hear_end());
  EXPECT_TRUE(idle.hear_end());
  ASSERT_TRUE(wait_for_connections(0));
}

TEST_F(ListenerTest, TellsWhenAnAnswerDoesNotCome) {
  Limits limits;
  limits.answer_timeout = milliseconds(100);
  start(limits);
  RawClient client(listener->port());
  ASSERT_TRUE(client.say(request_text("POST", "/never", "", "x")));
  const auto response = client.hear();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 504);
  EXPECT_THAT(response->body,
              HasSubstr("outcome unknown; safe to retry with the same Idempotency-Key"));
  auto replies = handler.take_kept(1);
  ASSERT_EQ(replies.size(), 1U);
  Response late;
  late.body = "late";
  replies[0](late);
  ASSERT_TRUE(client.say(request_text("POST", "/echo", "", "next")));
  EXPECT_EQ(client.hear()->body, "next") << "the late answer is not taken for the next one's";
}

TEST_F(ListenerTest, StreamsPiecesAndHeartbeats) {
  Limits limits;
  limits.heartbeat = milliseconds(50);
  start(limits);
  RawClient client(listener->port());
  ASSERT_TRUE(client.say(request_text("GET", "/stream")));
  EXPECT_EQ(client.hear_head()->header("transfer-encoding"), "chunked");
  EXPECT_EQ(client.hear_until(":\n"), ":\n") << "a heartbeat before anything";
  handler.stream->put("data: 1\n\n");
  EXPECT_THAT(client.hear_until("data: 1\n\n"), HasSubstr("data: 1\n\n"));
  EXPECT_EQ(client.hear_until(":\n"), ":\n") << "and again after";
  expect_others_are_served();
  handler.stream->put("");
  client.hear_until("no more");
  EXPECT_TRUE(client.hear_end());
  EXPECT_TRUE(handler.stream->wait_cancelled());
}

TEST_F(ListenerTest, NoticesThatAStreamsReaderHasGone) {
  start();
  {
    RawClient client(listener->port());
    ASSERT_TRUE(client.say(request_text("GET", "/stream")));
    ASSERT_TRUE(client.hear_head().has_value());
  }
  EXPECT_TRUE(handler.stream->wait_cancelled()) << "without waiting for something to send";
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(ListenerTest, DropsAStreamsReaderThatTakesNothing) {
  Limits limits;
  limits.write_timeout = milliseconds(300);
  start(limits);
  RawClient client(listener->port(), 4096);
  ASSERT_TRUE(client.say(request_text("GET", "/stream")));
  constexpr int kPieces = 100;
  for (int i = 0; i < kPieces; ++i) handler.stream->put(std::string(1 << 20, 'x'));
  ASSERT_TRUE(handler.stream->wait_cancelled());
  EXPECT_EQ(listener->stats().streams_dropped, 1U);
  EXPECT_LT(handler.stream->pulls(), kPieces) << "only what it takes is pulled";
  expect_others_are_served();
}

TEST_F(ListenerTest, StopsInAnOrderlyWay) {
  start();
  RawClient idle(listener->port());
  RawClient busy(listener->port());
  RawClient streaming(listener->port());
  ASSERT_TRUE(streaming.say(request_text("GET", "/stream")));
  ASSERT_TRUE(streaming.hear_head().has_value());
  ASSERT_TRUE(busy.say(request_text("POST", "/later", "", "x")));
  auto replies = handler.take_kept(1);
  ASSERT_EQ(replies.size(), 1U);
  const std::uint16_t port = listener->port();
  std::thread stopping([&] { listener->stop(); });
  EXPECT_TRUE(idle.hear_end());
  streaming.hear_until("its last chunk");
  EXPECT_TRUE(streaming.hear_end());
  Response last;
  last.body = "last";
  replies[0](last);
  EXPECT_EQ(busy.hear()->body, "last") << "what was under way is finished";
  EXPECT_TRUE(busy.hear_end());
  stopping.join();
  EXPECT_FALSE(RawClient(port).connected());
  replies[0](last);  // long after: nothing happens
}

TEST_F(ListenerTest, StopsThoughAnAnswerNeverComes) {
  Limits limits;
  limits.drain_timeout = milliseconds(100);
  start(limits);
  RawClient busy(listener->port());
  ASSERT_TRUE(busy.say(request_text("POST", "/never", "", "x")));
  auto replies = handler.take_kept(1);
  ASSERT_EQ(replies.size(), 1U);
  listener->stop();
  EXPECT_TRUE(busy.hear_end());
  replies[0](Response());
}

TEST(ListenerAddress, IsLoopbackUnlessAllowed) {
  TestHandler handler;
  const auto code_of = [&](const char* address, bool allow) -> std::optional<ErrorCode> {
    Listener::Options options;
    options.address = address;
    options.allow_other_machines = allow;
    Listener listener(options, handler);
    const auto bound = listener.bind();
    return bound ? std::nullopt : std::optional(bound.error().code);
  };
  EXPECT_EQ(code_of("127.0.0.1", false), std::nullopt);
  EXPECT_EQ(code_of("127.0.0.2", false), std::nullopt);
  EXPECT_EQ(code_of("0.0.0.0", false), ErrorCode::kForbidden);
  EXPECT_EQ(code_of("192.0.2.1", false), ErrorCode::kForbidden);
  EXPECT_EQ(code_of("::", false), ErrorCode::kForbidden);
  EXPECT_EQ(code_of("0.0.0.0", true), std::nullopt);
  EXPECT_EQ(code_of("localhost", false), ErrorCode::kInvalid);
  EXPECT_EQ(code_of("192.0.2.1", true), ErrorCode::kUnavailable)
      << "not an address of this machine";
}

TEST(ListenerAddress, SaysWhenThePortIsTaken) {
  TestHandler handler;
  Listener first({}, handler);
  ASSERT_TRUE(first.bind().ok());
  Listener::Options options;
  options.port = first.port();
  Listener second(options, handler);
  const auto bound = second.bind();
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(bound.error().message, HasSubstr(std::to_string(first.port())));
}

}  // namespace
}  // namespace mw::http
