cmake_minimum_required(VERSION 3.25)

# Run while building: writes FILES as raw string literals into OUTPUT. They are pasted as they are;
# only the text that ends such a literal could not stand in one.
set(fleets "")
set(policies "")
set(workloads "")
set(scenarios "")
set(faults "")
set(accelerators "")
foreach(file IN LISTS FILES)
  file(READ ${file} text)
  string(FIND "${text}" ")mw_embedded\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${file} holds )mw_embedded\", which ends the literal")
  endif()
  get_filename_component(name ${file} NAME_WLE)
  get_filename_component(folder ${file} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  set(literal "R\"mw_embedded(${text})mw_embedded\"")
  if(folder STREQUAL "policies")
    string(APPEND policies "    {\"${name}\", ${literal}},\n")
  elseif(folder STREQUAL "workloads")
    string(APPEND workloads "    {\"${name}\", ${literal}},\n")
  elseif(folder STREQUAL "scenarios")
    string(APPEND scenarios "    {\"${name}\", ${literal}},\n")
  elseif(folder STREQUAL "faults")
    string(APPEND faults "    {\"${name}\", ${literal}},\n")
  elseif(name STREQUAL "accelerators")
    set(accelerators "${literal}")
  else()
    string(APPEND fleets "    {\"${name}\", ${literal}},\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[// Written by cmake/embed_files.cmake.
#include "codec/embedded_files.h"

#include <array>

namespace mw {
namespace {
const auto kFleets = std::to_array<EmbeddedFile>({
@fleets@});
const auto kPolicies = std::to_array<EmbeddedFile>({
@policies@});
const auto kWorkloads = std::to_array<EmbeddedFile>({
@workloads@});
const auto kScenarios = std::to_array<EmbeddedFile>({
@scenarios@});
const auto kFaultPolicies = std::to_array<EmbeddedFile>({
@faults@});
}  // namespace

const std::string_view kEmbeddedAccelerators = @accelerators@;
const std::span<const EmbeddedFile> kEmbeddedFleets = kFleets;
const std::span<const EmbeddedFile> kEmbeddedPolicies = kPolicies;
const std::span<const EmbeddedFile> kEmbeddedWorkloads = kWorkloads;
const std::span<const EmbeddedFile> kEmbeddedScenarios = kScenarios;
const std::span<const EmbeddedFile> kEmbeddedFaultPolicies = kFaultPolicies;

}  // namespace mw
]])
