cmake_minimum_required(VERSION 3.25)

# Run while building: writes FILES as raw string literals into OUTPUT, by their names. They are
# written as they are; only the text that ends such a literal could not stand in one.
set(entries "")
foreach(file IN LISTS FILES)
  file(READ "${file}" text)
  string(FIND "${text}" ")mw_web\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${file} holds )mw_web\", which ends the literal")
  endif()
  # Nothing in a script may end the element that it stands in.
  string(TOLOWER "${text}" lower)
  if(file MATCHES "\\.js$" AND lower MATCHES "</script|<!--")
    message(FATAL_ERROR "${file} holds </script or <!--, which a browser would take for HTML")
  endif()
  get_filename_component(name "${file}" NAME)
  string(APPEND entries "    {\"${name}\", R\"mw_web(${text})mw_web\"},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "// Written by cmake/embed_web.cmake.
#include \"twin/embedded_web.h\"

#include <array>

namespace mw {
namespace {
const auto kFiles = std::to_array<EmbeddedFile>({
${entries}});
}  // namespace

const std::span<const EmbeddedFile> kEmbeddedWeb = kFiles;

}  // namespace mw
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
