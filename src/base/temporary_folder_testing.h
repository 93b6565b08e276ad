// A folder of a test's own on the real disk, gone with its owner.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace binbus {

class TemporaryFolder {
 public:
  TemporaryFolder() { BINBUS_CHECK(::mkdtemp(path_.data()) != nullptr); }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/binbus_test_XXXXXX";
};

}  // namespace binbus
