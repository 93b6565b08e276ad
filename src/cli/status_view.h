// The endpoint's JSON as text for people. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::cli {

// `status` is the body of GET /status; `before` an earlier one for the rates, or "".
// kCorrupt when it is not what binbus answers with.
Result<std::string> status_text(std::string_view status, std::string_view before);

// The text's lines cut to a terminal of that size; when there are too many, the last says how many are not shown.
std::string fitted(std::string_view text, size_t columns, size_t rows);

// The body of GET /streams/NAME/segments.
Result<std::string> segments_text(const std::string& stream, std::string_view segments);

// The body of GET /streams/NAME/locate.
Result<std::string> location_text(std::string_view location);

// The tables in a /status body whose rows are kept, of one stream or, with "", of all; or their JSON alone.
Result<std::string> snapshot_text(std::string_view status, const std::string& stream, bool json);
// Of which tables rows are kept.
Result<std::string> kept_patterns_text(std::string_view status, const std::string& stream);

// The feed's clients in a /status body, of one stream or, with "", of all; or their JSON alone.
Result<std::string> feed_text(std::string_view status, const std::string& stream, bool json);

// The body of GET /streams/NAME/cursors.
Result<std::string> cursors_text(std::string_view cursors);

// The sinks in a /status body, of one stream or, with "", of all; or their JSON alone.
Result<std::string> sinks_text(std::string_view status, const std::string& stream, bool json);

// The stream to ask: `given`, or with "" the only one in a /status body. kInvalid names them when there are several.
Result<std::string> the_stream(std::string_view status, const std::string& given);
// The stream of a sink in a /status body; kNotFound names the sinks that there are.
Result<std::string> stream_of_sink(std::string_view status, const std::string& sink);

// `answer` is what a change of a sink was answered with, `status` what came later: the place from which the change holds; none
// while it does not yet.
Result<std::optional<std::string>> revision_place(std::string_view status, std::string_view answer,
                                                  const std::string& sink);

// The names in a /status body.
Result<std::vector<std::string>> stream_names(std::string_view status);

}  // namespace binbus::cli
