// Files of web/report/, and the chart library, as text inside of the program, so that a report can
// be written anywhere without finding anything. cmake/MwEmbed.cmake writes the definition while
// building.
#pragma once

#include <span>

#include "codec/embedded_files.h"

namespace mw {

/// By name with ending, such as "page.html".
extern const std::span<const EmbeddedFile> kEmbeddedWeb;

}  // namespace mw
