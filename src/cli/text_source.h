// Where the verbs get text from: a file, standard input ("-"), or a file that is built in and has a
// name. What is in it is judged by src/codec.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/embedded_files.h"

namespace mw {

/// The whole of a file, or of standard input for "-".
/// Errors: kNotFound when it cannot be read, kTooLarge for more than `bytes_max`.
Result<std::string> read_text_file(const std::string& name, std::size_t bytes_max);

struct NamedText {
  std::string name;  ///< for messages
  std::string text;
};

/// The text of the file `name`, or of the built-in one of that name when there is no such file.
/// `kind`: what they are, for messages: "fleet".
Result<NamedText> read_file_or_built_in(const std::string& name,
                                        std::span<const EmbeddedFile> built_in,
                                        std::string_view kind, std::size_t bytes_max);

}  // namespace mw
