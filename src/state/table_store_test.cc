#include "state/table_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace binbus::state {
namespace {

namespace fs = std::filesystem;

class TableStoreTest : public testing::TestWithParam<size_t> {
 protected:
  TableStoreTest() {
    char folder[] = "/tmp/binbus-store-XXXXXX";
    folder_ = ::mkdtemp(folder);
    reopen();
  }
  ~TableStoreTest() override {
    store_.reset();
    fs::remove_all(folder_);
  }
  void reopen() {
    store_.reset();
    auto opened = TableStore::open({.folder = folder_ + "/rows"});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  std::string get(std::string_view key) { return store_->get(key).value().value_or("nothing"); }
  // Files that are not the database's.
  size_t left_over() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_ + "/rows"))
      count += entry.path().filename().string().starts_with("sorted.new.") ? 1 : 0;
    return count;
  }

  std::string folder_;
  std::unique_ptr<TableStore> store_;
};

// In a batch, and as a sorted file.
INSTANTIATE_TEST_SUITE_P(Bytes, TableStoreTest, testing::Values(10, 10'000));

TEST_P(TableStoreTest, ABulkIsWrittenInAnyOrder) {
  const std::string filler(GetParam(), 'x');
  store_->put("r0050", "older");
  store_->put("i1", "");
  ASSERT_TRUE(store_->write());
  auto before = store_->view();
  TableStore::Bulk bulk;
  for (int i = 199; i >= 0; --i)
    bulk.put("r" + std::to_string(10'000 + i).substr(1)).text(std::to_string(i) + filler);
  bulk.put("r0007").text("newest");
  bulk.put_last("t", "done");
  bulk.erase("i1");
  ASSERT_TRUE(store_->write(bulk));
  const auto expect_bulk = [&] {
    EXPECT_EQ(get("r0000"), "0" + filler);
    EXPECT_EQ(get("r0050"), "50" + filler);
    EXPECT_EQ(get("r0199"), "199" + filler);
    EXPECT_EQ(get("r0007"), "newest");
    EXPECT_EQ(get("t"), "done");
    EXPECT_EQ(get("i1"), "nothing");
    EXPECT_EQ(left_over(), 0u);
  };
  expect_bulk();
  EXPECT_EQ(before->get("r0050").value(), "older");
  EXPECT_FALSE(before->get("r0000").value());
  // What is written afterwards goes before it.
  before.reset();
  store_->put("r0100", "later");
  store_->erase("r0101");
  ASSERT_TRUE(store_->write());
  reopen();
  expect_bulk();
  EXPECT_EQ(get("r0100"), "later");
  EXPECT_EQ(get("r0101"), "nothing");
}

TEST_P(TableStoreTest, AClearedBulkIsANewOne) {
  const std::string filler(GetParam(), 'x');
  TableStore::Bulk bulk;
  bulk.put("b").text("of before");
  bulk.put("a").text("of before");
  bulk.put_last("t", "of before");
  bulk.clear();
  EXPECT_EQ(bulk.bytes(), 0u);
  for (int i = 0; i < 200; ++i)
    bulk.put("r" + std::to_string(10'000 + i).substr(1)).text(std::to_string(i) + filler);
  ASSERT_TRUE(store_->write(bulk));
  for (const char* key : {"a", "b", "t"}) EXPECT_EQ(get(key), "nothing");
  EXPECT_EQ(get("r0000"), "0" + filler);
  EXPECT_EQ(get("r0199"), "199" + filler);
}

TEST_P(TableStoreTest, AFileThatACrashLeftGoes) {
  store_.reset();
  std::ofstream(folder_ + "/rows/sorted.new.3") << "half";
  reopen();
  EXPECT_EQ(left_over(), 0u);
}

}  // namespace
}  // namespace binbus::state
