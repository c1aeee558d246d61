// The program that makes accelerators work, in Python: it runs where PyTorch is, which no library
// of ours could replace.
#pragma once

namespace mw::checks {

/// Arguments: device ("cuda", "cpu"), seconds. Writes one line: the object of docs/checks.md.
extern const char* const kBurnProgram;

}  // namespace mw::checks
