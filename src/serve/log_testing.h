// What serve's tests share: a small log on a simulated disk, and a server's view of it.
#pragma once

#include "io/simulated_disk.h"
#include "serve/catalog.h"
#include "store/log_testing.h"

namespace binbus::serve {

inline constexpr char kSourceUuid[] =
    "3e11fa47-71ca-11e1-9e33-c80aa9429562";  // of store::mysql_gtid()

struct TestLog {
  explicit TestLog(const std::vector<store::MadeFile>& files)
      : log(store::LocalLog::open(disk, io::system_clock(), {.directory = "/log"}, nullptr)
                .value()) {
    for (const store::MadeFile& file : files) add(file);
    options.server_id = 4711;
    options.server_uuid = "b1b05000-0000-4000-8000-000000000001";
    options.catch_up_ms = 0;
  }
  void add(const store::MadeFile& file) {
    if (auto stored = store::store_file(*log, file); !stored)
      ADD_FAILURE() << stored.error().message;
    if (log->sources().empty()) {
      const store::SourceSpan source{
          {log->segments().front().number, 0}, kSourceUuid, 1, "8.0.32", file.name, 0};
      EXPECT_TRUE(log->record_source(source));
    }
  }

  io::SimulatedDisk disk;
  std::unique_ptr<store::LocalLog> log;
  ServerOptions options;
  SourceFacts facts;
  Catalog catalog{options, *log, [this] { return facts; }};
};

}  // namespace binbus::serve
