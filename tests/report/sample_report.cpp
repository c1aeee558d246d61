// Writes the folder of a run that never was: what the tests of the pages look at. The figures are
// made from the seed (src/twin/run_report_test_support.h).
//   mw_sample_report DIR SEED [LOAD [PART]]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "twin/run_output.h"
#include "twin/run_report_test_support.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: mw_sample_report DIR SEED [LOAD [PART]]\n", stderr);
    return 2;
  }
  mw::SampleSize size;
  if (argc > 3) size.load = std::atof(argv[3]);
  if (argc > 4) size.days_of = std::atof(argv[4]);
  auto output = mw::RunOutput::open(argv[1], mw::Instant(0));
  mw::Result<void> done = output ? mw::Result<void>() : output.error();
  mw::RunReport report = mw::sample_report(std::strtoull(argv[2], nullptr, 10), size);
  // Names that would break a page that took them for HTML.
  report.tenants.at(2).name = "</script><script>throw 1</script>";
  report.sites.at(1).name = "<img src=x onerror=alert(1)> & \"co\"";
  if (done) done = output->finish(report);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
