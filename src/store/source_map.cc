#include "store/source_map.h"

#include <algorithm>
#include <ranges>

namespace binbus::store {
namespace {

// The span's file `count` rotations later.
Result<std::string> later_file(const std::string& file, uint64_t count) {
  if (count == 0) return file;
  BINBUS_TRY(name, binlog::SegmentName::parse(file));
  name.number += count;
  return name.to_string();
}

// Where file:offset is when `span` holds there.
std::optional<Position> place_in(const SourceSpan& span, const std::string& file, uint64_t offset) {
  if (file == span.file) {
    if (offset < span.offset) return std::nullopt;
    return Position{span.from.segment, span.from.offset + (offset - span.offset)};
  }
  const auto wanted = binlog::SegmentName::parse(file);
  const auto first = binlog::SegmentName::parse(span.file);
  if (!wanted || !first || wanted->base != first->base || wanted->number < first->number)
    return std::nullopt;
  return Position{span.from.segment + (wanted->number - first->number), offset};
}

}  // namespace

Result<SourceSpan> map_to_source(const std::vector<SourceSpan>& spans, Position position) {
  const auto after = std::ranges::upper_bound(spans, position, {}, &SourceSpan::from);
  if (after == spans.begin())
    return fail(Code::kNotFound, "no source is recorded for this position");
  SourceSpan span = *std::prev(after);
  BINBUS_TRY(file, later_file(span.file, position.segment - span.from.segment));
  span.file = std::move(file);
  span.offset = position.segment == span.from.segment
                    ? span.offset + (position.offset - span.from.offset)
                    : position.offset;
  span.from = position;
  return span;
}

std::vector<Position> map_from_source(const std::vector<SourceSpan>& spans,
                                      const std::string& server_uuid, const std::string& file,
                                      uint64_t offset) {
  std::vector<Position> found;
  for (size_t i = spans.size(); i-- > 0;) {
    if (spans[i].server_uuid != server_uuid) continue;
    const auto place = place_in(spans[i], file, offset);
    // A span's end is still a place of it: whoever has read that far of the source stands there.
    if (place && (i + 1 == spans.size() || *place <= spans[i + 1].from)) found.push_back(*place);
  }
  return found;
}

void add_span(std::vector<SourceSpan>& spans, SourceSpan span) {
  if (!spans.empty() && spans.back().from == span.from) spans.pop_back();
  spans.push_back(std::move(span));
}

void prune(std::vector<SourceSpan>& spans, uint64_t first_segment) {
  const auto after =
      std::ranges::upper_bound(spans, Position{first_segment, 0}, {}, &SourceSpan::from);
  if (after != spans.begin()) spans.erase(spans.begin(), std::prev(after));
}

}  // namespace binbus::store
