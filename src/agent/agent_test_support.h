// A root folder of one test, with the files that it wants the machine to have; it goes with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/folder.h"
#include "base/check.h"

namespace mw::agent {

class FakeRoot {
 public:
  FakeRoot() {
    std::string name = (std::filesystem::temp_directory_path() / "mw-agent-XXXXXX").string();
    MW_CHECK(::mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;
  ~FakeRoot() { std::filesystem::remove_all(root_); }

  [[nodiscard]] Folder folder() const { return Folder(root_); }
  [[nodiscard]] const std::filesystem::path& path() const { return root_; }
  [[nodiscard]] std::filesystem::path at(const std::string& path) const {
    return folder().at(path);
  }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::ofstream(at(path), std::ios::binary | std::ios::trunc) << text;
  }
  void append(const std::string& path, const std::string& text) const {
    std::ofstream(at(path), std::ios::binary | std::ios::app) << text;
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(at(path)); }
  void accelerator(const std::string& address, const std::string& vendor = "0x10de",
                   const std::string& kind = "0x030200") const {
    write("/sys/bus/pci/devices/" + address + "/vendor", vendor + "\n");
    write("/sys/bus/pci/devices/" + address + "/class", kind + "\n");
  }

 private:
  std::filesystem::path root_;
};

}  // namespace mw::agent
