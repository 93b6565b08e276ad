#include "sink/pattern.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace binbus::sink {
namespace {

constexpr int64_t kSetBytesMax = 64 << 20;  // what matching all at once may use

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kSetBytesMax);
  return options;
}

std::string regex_of_glob(std::string_view glob) {
  std::string out;
  for (const char c : glob) {
    if (c == '*') {
      out += ".*";
    } else if (c == '?') {
      out += '.';
    } else {
      out += RE2::QuoteMeta(re2::StringPiece(&c, 1));
    }
  }
  return out;
}

bool is_regex(std::string_view pattern) {
  return pattern.size() >= 2 && pattern.front() == '/' && pattern.back() == '/';
}

}  // namespace

struct PatternSet::Regexes {
  RE2::Set set{options(), RE2::ANCHOR_BOTH};
  std::vector<std::string> texts;
  std::vector<size_t> numbers;  // of the pattern, by the set's index

  std::optional<size_t> first(const std::string& name) const {
    std::vector<int> found;
    RE2::Set::ErrorInfo error{};
    if (set.Match(name, &found, &error)) {
      return numbers[static_cast<size_t>(*std::ranges::min_element(found))];
    }
    if (error.kind == RE2::Set::kNoError) return std::nullopt;
    // All at once took too much memory: one by one. Answers are kept per table, so this is rare.
    for (size_t i = 0; i < texts.size(); ++i) {
      if (RE2::FullMatch(name, RE2(texts[i], options()))) return numbers[i];
    }
    return std::nullopt;
  }
};

PatternSet::PatternSet() = default;
PatternSet::PatternSet(PatternSet&&) noexcept = default;
PatternSet& PatternSet::operator=(PatternSet&&) noexcept = default;
PatternSet::~PatternSet() = default;

Result<PatternSet> PatternSet::compile(std::span<const std::string> patterns) {
  PatternSet out;
  for (size_t number = 0; number < patterns.size(); ++number) {
    const std::string& pattern = patterns[number];
    if (!is_regex(pattern) && pattern.find('.') == std::string::npos) {
      return fail(Code::kInvalid, "pattern \"" + pattern +
                                      "\" is neither database.table, as in \"shop.*\", nor a "
                                      "/regular expression/");
    }
    if (!is_regex(pattern) && pattern.find_first_of("*?") == std::string::npos) {
      out.exact_.emplace(pattern, number);
      continue;
    }
    const std::string regex =
        is_regex(pattern) ? pattern.substr(1, pattern.size() - 2) : regex_of_glob(pattern);
    if (out.regexes_ == nullptr) out.regexes_ = std::make_unique<Regexes>();
    std::string error;
    if (out.regexes_->set.Add(regex, &error) < 0) {
      return fail(Code::kInvalid, "pattern \"" + pattern + "\": " + error);
    }
    out.regexes_->texts.push_back(regex);
    out.regexes_->numbers.push_back(number);
  }
  if (out.regexes_ != nullptr && !out.regexes_->set.Compile()) {
    return fail(Code::kLimit, "the patterns together are too large; write fewer or shorter ones");
  }
  return out;
}

std::optional<size_t> PatternSet::first(std::string_view database, std::string_view table) const {
  std::string name(database);
  name += '.';
  name += table;
  std::optional<size_t> out;
  if (const auto found = exact_.find(name); found != exact_.end()) out = found->second;
  if (regexes_ != nullptr) {
    if (const auto found = regexes_->first(name); found && (!out || *found < *out)) out = found;
  }
  return out;
}

}  // namespace binbus::sink
