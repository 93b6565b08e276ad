// The topic that keeps a transactional sink's checkpoint: partition 0, one key, the newest committed record counts.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sink/kafka/kafka_target.h"

namespace binbus::sink::kafka {

constexpr const char* kCheckpointKey = "checkpoint";

// The newest checkpoint. No transaction of the sink's may be open, or what it hides could be missed: call it after the
// producer's init_transactions. Looks from the end backwards, so what is not compacted yet costs nothing.
Result<std::optional<Checkpoint>> read_checkpoint(const KafkaOptions& options,
                                                  const std::string& topic,
                                                  const std::stop_token& stop);

}  // namespace binbus::sink::kafka
