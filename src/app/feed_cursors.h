// Where the feed's cursors of a stream are: in files of the stream's folder, or in its group's log, where the leader gives leases
// and all other nodes ask it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "feed/cursors.h"
#include "raft/group_runner.h"

namespace binbus::app {

inline constexpr std::string_view kFeedCursors = "feed/";  // and a cursor's name: in a group's log
// As the leader of that term.
std::unique_ptr<feed::CursorStore> group_cursor_store(raft::GroupRunner& group, uint64_t term);

// Thread: any. `here`: the leader's, at the leader; else null. `ask`: the question, answered by answer_of_cursors() there.
using CursorsHere = std::function<std::shared_ptr<feed::Cursors>()>;
using AskLeader = std::function<Result<std::string>(const std::string& question)>;
std::shared_ptr<feed::Cursors> leaders_cursors(std::string stream, CursorsHere here, AskLeader ask);
// kInvalid for what is no question.
Result<std::string> answer_of_cursors(feed::Cursors& cursors, const std::string& question);

}  // namespace binbus::app
