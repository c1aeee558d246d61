#include "engines/local/accelerators.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

#include "engines/local/posix.h"

namespace mw::local {
namespace {

// The part of NVML's interface that we use, as in its header nvml.h (NVIDIA, API reference); it has
// been stable since version 2 of these functions.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
constexpr int kNvmlSuccess = 0;
constexpr unsigned kNvmlNameLength = 96;

/// Product names have spaces and brackets; a type is one word of a job file.
std::string as_type(const std::string& name) {
  std::string type;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (plain) {
      type.push_back(c);
    } else if (!type.empty() && type.back() != '-') {
      type.push_back('-');
    }
  }
  while (!type.empty() && type.back() == '-') type.pop_back();
  return type;
}

struct CloseLibrary {
  void operator()(void* library) const { ::dlclose(library); }
};

/// "key value" lines, as kfd writes its properties.
std::map<std::string, std::uint64_t> read_properties(const std::string& path) {
  std::map<std::string, std::uint64_t> properties;
  std::istringstream text(read_file(path).value_or(""));
  std::string key;
  std::uint64_t value = 0;
  while (text >> key >> value) properties[key] = value;
  return properties;
}

/// 90402 -> "gfx942": two digits for the major, then one hexadecimal digit each; LLVM's AMDGPU
/// names.
std::string gfx_name(std::uint64_t version) {
  char name[32];
  std::snprintf(name, sizeof name, "gfx%llu%llx%llx",
                static_cast<unsigned long long>(version / 10'000),
                static_cast<unsigned long long>(version / 100 % 100),
                static_cast<unsigned long long>(version % 100));
  return name;
}

/// The product's name and memory are with its render device, which the compute node names.
Accelerator describe_amd(const std::string& root,
                         const std::map<std::string, std::uint64_t>& properties) {
  const auto property = [&](const char* key) {
    const auto found = properties.find(key);
    return found == properties.end() ? 0 : found->second;
  };
  const std::string device =
      root + "/sys/class/drm/renderD" + std::to_string(property("drm_render_minor")) + "/device";
  std::string type = as_type(read_line(device + "/product_name"));
  if (type.empty()) type = "AMD-" + gfx_name(property("gfx_target_version"));
  const std::string memory = read_line(device + "/mem_info_vram_total");
  return {.vendor = AcceleratorVendor::kAmd,
          .type = std::move(type),
          .memory = Bytes(std::strtoll(memory.c_str(), nullptr, 10))};
}

}  // namespace

std::vector<Accelerator> nvidia_accelerators(const std::string& nvml_library) {
  const std::unique_ptr<void, CloseLibrary> library(
      ::dlopen(nvml_library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library == nullptr) return {};
  const auto load = [&]<class Function>(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library.get(), name));
    return function != nullptr;
  };
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count_devices)(unsigned*) = nullptr;
  int (*device_at)(unsigned, NvmlDevice*) = nullptr;
  int (*name_of_device)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory_of_device)(NvmlDevice, NvmlMemory*) = nullptr;
  if (!load(init, "nvmlInit_v2") || !load(shutdown, "nvmlShutdown") ||
      !load(count_devices, "nvmlDeviceGetCount_v2") ||
      !load(device_at, "nvmlDeviceGetHandleByIndex_v2") ||
      !load(name_of_device, "nvmlDeviceGetName") ||
      !load(memory_of_device, "nvmlDeviceGetMemoryInfo")) {
    return {};
  }
  if (init() != kNvmlSuccess) return {};
  std::vector<Accelerator> found;
  unsigned count = 0;
  if (count_devices(&count) != kNvmlSuccess) count = 0;
  for (unsigned i = 0; i < count; ++i) {
    NvmlDevice device = nullptr;
    std::array<char, kNvmlNameLength> name{};
    NvmlMemory memory;
    // One that does not answer still has its number, so that those after it keep theirs.
    if (device_at(i, &device) == kNvmlSuccess) {
      name_of_device(device, name.data(), kNvmlNameLength - 1);
      memory_of_device(device, &memory);
    }
    std::string type = as_type(name.data());
    if (type.empty()) type = "NVIDIA-unknown";
    found.push_back({AcceleratorVendor::kNvidia, std::move(type),
                     Bytes(static_cast<std::int64_t>(memory.total))});
  }
  shutdown();
  return found;
}

std::vector<Accelerator> amd_accelerators(const std::string& root) {
  std::vector<std::pair<std::uint64_t, std::string>> nodes;
  const std::string directory = root + "/sys/class/kfd/kfd/topology/nodes";
  for (const DirectoryEntry& entry : list_directory(directory)) {
    nodes.emplace_back(std::strtoull(entry.name.c_str(), nullptr, 10),
                       directory + "/" + entry.name);
  }
  std::sort(nodes.begin(), nodes.end());
  std::vector<Accelerator> found;
  for (const auto& [number, path] : nodes) {
    const auto properties = read_properties(path + "/properties");
    const auto simds = properties.find("simd_count");
    if (simds == properties.end() || simds->second == 0) continue;  // a CPU
    found.push_back(describe_amd(root, properties));
  }
  return found;
}

}  // namespace mw::local
