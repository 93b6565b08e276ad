#include "cli/progress.h"

#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

TEST(Progress, Lines) {
  EXPECT_EQ(progress_line("b.000001", 0, 1000, 0, 50),
            "b.000001  [                        ]   0%  0 B/s  ");
  EXPECT_EQ(progress_line("b.000001", 250'000'000, 1'000'000'000, 2000, 59),
            "b.000001  [=====               ]  25%  125 MB/s  6.0 s left");
  EXPECT_EQ(progress_line("b.000001", 2000, 1000, 1000, 30), "b.000001   100%  1.0 kB/s  0 s");
  EXPECT_EQ(progress_line("", 0, 0, 5, 3), "   ");
}

}  // namespace
}  // namespace binbus::cli
