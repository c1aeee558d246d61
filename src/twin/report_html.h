// Pages that show runs to people: one HTML file each, with everything inside of it (style, script,
// chart library, figures), so that it opens offline, in a mail or years later. The page's own
// policy forbids it any access to a network. The sources are in web/report/.
// Names that come from files are data: nothing of them is ever read as HTML or as script.
#pragma once

#include <string>
#include <string_view>

#include "twin/compare.h"
#include "twin/run_report.h"

namespace mw {

/// What every page of ours begins with, and by which an older one is known.
inline constexpr std::string_view kPageBegin =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"generator\" content=\"Millwright\">\n";

std::string report_html(const RunReport& report);
std::string compare_html(const Comparison& comparison);

/// JSON that can stand in a script element: no '<', so that no "</script>" and no "<!--". Bytes
/// that are not UTF-8 are replaced.
std::string json_in_html(std::string_view json);
/// Text that can stand between tags or in an attribute.
std::string html_text(std::string_view text);

}  // namespace mw
