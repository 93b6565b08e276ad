// Answers by a table's name, so that patterns are asked once per table, however many versions and tables there are.
//
// Thread: one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace binbus::sink {

template <class Answer>
class NameCache {
 public:
  static constexpr size_t kNamesMax = 200'000;  // some 20 MB; all are forgotten then

  template <class Make>
  Answer get(std::string_view database, std::string_view table, Make make) {
    name_ = database;
    name_ += '.';
    name_ += table;
    if (const auto found = answers_.find(name_); found != answers_.end()) return found->second;
    if (answers_.size() >= kNamesMax) answers_.clear();
    return answers_.emplace(name_, make()).first->second;
  }

 private:
  std::unordered_map<std::string, Answer> answers_;
  std::string name_;
};

}  // namespace binbus::sink
