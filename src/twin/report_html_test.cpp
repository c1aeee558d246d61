#include "twin/report_html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json.h"
#include "twin/embedded_web.h"
#include "twin/run_report_json.h"
#include "twin/run_report_test_support.h"

namespace mw {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size()))
    ++count;
  return count;
}

/// What stands in the page's data element, as a browser would cut it out.
std::string_view data_of(std::string_view page) {
  constexpr std::string_view kOpen = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(kOpen) + kOpen.size();
  return page.substr(begin, page.find("</script", begin) - begin);
}

TEST(RunReportJson, SurvivesWritingAndReading) {
  const RunReport report = sample_report(7);
  const std::string text = write_run_report(report);
  EXPECT_THAT(text, StartsWith(kSummaryBegin));
  const auto read = read_run_report(text, "summary.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(write_run_report(*read), text);
  EXPECT_EQ(read->sites.at(31).power_mw, report.sites.at(31).power_mw);
}

TEST(RunReportJson, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* what;
    void (*harm)(RunReport&);
    const char* expected;
  };
  const Case cases[] = {
      {"a series", [](RunReport& run) { run.queue_series[0].values.pop_back(); },
       "series jobs waiting: expected 400 values, found 399"},
      {"a site", [](RunReport& run) { run.sites[2].power_mw.push_back(1); },
       "power_mw of site ap-south-03: expected 400 values, found 401"},
      {"fragmentation", [](RunReport& run) { run.fragmentation.values.resize(3); },
       "fragmentation: expected 400 values, found 3"},
      {"quantiles", [](RunReport& run) { run.waits[1].quantiles.clear(); },
       "quantiles of 1 accelerator: expected 13 values, found 0"},
  };
  for (const Case& one : cases) {
    RunReport report = sample_report(7);
    one.harm(report);
    const auto read = read_run_report(write_run_report(report), "x/summary.json");
    ASSERT_FALSE(read.ok()) << one.what;
    EXPECT_EQ(read.error().message, std::string("x/summary.json: ") + one.expected);
  }
  EXPECT_THAT(read_run_report("{}", "x").error().message, StartsWith("x: "));
  EXPECT_THAT(read_run_report("{", "x").error().message, StartsWith("x: "));
}

TEST(ReportHtml, IsOneFileThatNeedsNoNetwork) {
  const std::string page = report_html(sample_report(1));
  EXPECT_THAT(page, StartsWith(kPageBegin));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy\" content=\"default-src 'none'"));
  for (const char* name : {"{{title}}", "{{style}}", "{{charts}}", "{{script}}", "{{data}}"})
    EXPECT_THAT(page, Not(HasSubstr(name)));
  for (const char* reference : {" src=", "<link", "@import", "url("})
    EXPECT_THAT(page.substr(0, page.find("<script")), Not(HasSubstr(reference)));
  EXPECT_EQ(count_of(page, "<script"), 3U);
  EXPECT_EQ(count_of(page, "</script>"), 3U);
  EXPECT_THAT(page, HasSubstr("Chart.js v3"));
  EXPECT_LT(page.size(), 600'000U);  // can be sent by mail
}

TEST(ReportHtml, CarriesTheFigures) {
  const RunReport report = sample_report(3);
  const std::string page = report_html(report);
  const auto tree = parse_json(data_of(page), {.bytes_max = 1U << 24U});
  ASSERT_TRUE(tree.ok()) << tree.error().message;
  const auto read = from_json<RunReport>(tree->at("report"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->jobs.submitted, report.jobs.submitted);
  EXPECT_EQ(read->cost_usd, report.cost_usd);
  ASSERT_EQ(read->time_h.size(), 400U);
  for (std::size_t i = 0; i < read->time_h.size(); ++i) {
    const double exact = report.ledger_series[0].values[i];
    EXPECT_NEAR(read->ledger_series[0].values[i], exact, 1e-5 * exact);
  }
  EXPECT_EQ(tree->at("quantiles").as_array().size(), kQuantiles.size());
}

TEST(ReportHtml, NamesAreDataWhateverTheyAre) {
  RunReport report = sample_report(1);
  const std::string evil = "</script><script>alert('1')</script><!-- &\"";
  report.setup.fleet = evil;
  report.setup.workload = "{{data}}";
  report.tenants[0].name = evil;
  report.sites[0].name = "broken \xFF\xC0\x80 \xE2\x82\xAC";
  const std::string page = report_html(report);
  EXPECT_EQ(count_of(page, "<script"), 3U);
  EXPECT_EQ(count_of(page, "</script>"), 3U);
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_THAT(page, HasSubstr("<title>&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)"));
  const auto tree = parse_json(data_of(page), {.bytes_max = 1U << 24U});
  ASSERT_TRUE(tree.ok()) << tree.error().message;
  const auto read = from_json<RunReport>(tree->at("report"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->tenants[0].name, evil);
  EXPECT_EQ(read->setup.workload, "{{data}}");
  EXPECT_EQ(read->sites[0].name, "broken \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xE2\x82\xAC");
}

TEST(ReportHtml, AnEmptyRunHasAPageToo) {
  const std::string page = report_html(RunReport{});
  ASSERT_TRUE(parse_json(data_of(page)).ok());
}

TEST(CompareHtml, CarriesTheComparison) {
  const RunGroup groups[] = {{"a<b", {sample_report(1), sample_report(2)}},
                             {"c", {sample_report(1, {.load = 1.2}), sample_report(2)}}};
  const auto comparison = compare_runs(groups);
  ASSERT_TRUE(comparison.ok());
  const std::string page = compare_html(*comparison);
  EXPECT_THAT(page, StartsWith(kPageBegin));
  EXPECT_THAT(page, HasSubstr("<title>a&lt;b / c: "));
  const auto tree = parse_json(data_of(page), {.bytes_max = 1U << 24U});
  ASSERT_TRUE(tree.ok()) << tree.error().message;
  EXPECT_TRUE(from_json<Comparison>(*tree).ok());
}

TEST(EmbeddedWeb, HoldsEachFileWhole) {
  for (const char* name : {"page.html", "page.css", "format.js", "elements.js", "charts.js",
                           "ledger.js", "report.js", "compare.js", "chart.min.js"}) {
    const auto found = std::find_if(kEmbeddedWeb.begin(), kEmbeddedWeb.end(),
                                    [&](const EmbeddedFile& file) { return file.name == name; });
    ASSERT_NE(found, kEmbeddedWeb.end()) << name;
    EXPECT_GT(found->text.size(), 500U) << name;
  }
}

}  // namespace
}  // namespace mw
