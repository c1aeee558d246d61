// Checks of the machine itself: its processors, memory and disks.
#pragma once

#include <filesystem>

#include "base/quantity.h"
#include "checks/report.h"

namespace mw::checks {

/// Multiplies matrices of small whole numbers on every processor that this process may use, and
/// proves each product. Measures cpu.matmul in FLOP/s over all of them.
/// Cost: `length` of all processors.
Report check_processor(Duration length);

/// Writes and reads back `size` bytes with a pattern and its inverse, then copies them as fast as
/// all processors can. Measures memory.copy in B/s, bytes read and bytes written, the best of some
/// rounds, as STREAM counts. Source: McCalpin, Memory Bandwidth and Machine Balance (1995).
Report check_memory(Bytes size);

/// Writes `size` bytes into a file without a name in `folder`, makes them durable, and reads them
/// back, past the page cache where the kernel lets it. Measures disk.write and disk.read in B/s,
/// and disk.sync in ns: the median time to make 4 KiB durable.
Report check_disk(const std::filesystem::path& folder, Bytes size);

}  // namespace mw::checks
