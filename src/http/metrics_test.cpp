// The exposition format, and what is counted.
#include "http/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mw::http {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, AreWrittenInPrometheusTextFormat) {
  MetricsWriter writer;
  writer.family("a_total", "counter", "Help.");
  writer.sample(std::uint64_t{18446744073709551615U}, {{"x", "a\\b\"c\nd"}, {"y", ""}});
  writer.sample(0.25);
  writer.one("b", "gauge", "More.", 1e21);
  EXPECT_EQ(writer.release(),
            "# HELP a_total Help.\n# TYPE a_total counter\n"
            "a_total{x=\"a\\\\b\\\"c\\nd\",y=\"\"} 18446744073709551615\n"
            "a_total 0.25\n"
            "# HELP b More.\n# TYPE b gauge\nb 1e+21\n");
}

TEST(Metrics, CountRequestsByRouteAndStatus) {
  HttpMetrics metrics;
  metrics.count("/v1/jobs", "GET", 200, microseconds(400));
  metrics.count("/v1/jobs", "GET", 200, milliseconds(3));
  metrics.count("/v1/jobs", "GET", 404, seconds(100));
  metrics.count("/v1/jobs", "POST", 201, seconds(1));
  MetricsWriter writer;
  metrics.write(writer);
  const std::string text = writer.release();
  const std::string get = "{route=\"/v1/jobs\",method=\"GET\",";
  EXPECT_THAT(text, HasSubstr("mw_http_requests_total" + get + "code=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_requests_total" + get + "code=\"404\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("mw_http_requests_total{route=\"/v1/jobs\",method=\"POST\",code=\"201\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_request_seconds_bucket" + get + "le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_request_seconds_bucket" + get + "le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_request_seconds_bucket" + get + "le=\"0.005\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_request_seconds_bucket" + get + "le=\"30\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("mw_http_request_seconds_bucket" + get + "le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("mw_http_request_seconds_count{route=\"/v1/jobs\",method=\"GET\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("mw_http_request_seconds_sum{route=\"/v1/jobs\",method=\"GET\"} 100.003"));
}

TEST(Metrics, TellOfTheProcess) {
  MetricsWriter writer;
  write_process_metrics(writer);
  const std::string text = writer.release();
  const auto value = [&](const std::string& name) {
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0
                                   : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GT(value("process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace mw::http
