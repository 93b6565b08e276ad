// From the sink's options to librdkafka's: what is set for everybody, what may be changed, what is refused.
#pragma once

#include <memory>

#include "base/result.h"
#include "sink/kafka/kafka_target.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace binbus::sink::kafka {

struct Free {
  void operator()(rd_kafka_s* client) const;  // what it still has to send is given up
  void operator()(rd_kafka_conf_s* configuration) const;
};
using Client = std::unique_ptr<rd_kafka_s, Free>;
using Configuration = std::unique_ptr<rd_kafka_conf_s, Free>;

// kInvalid names the option.
Result<Configuration> producer_configuration(const KafkaOptions& options, bool one_by_one);
// For reading the checkpoint topic: committed records only.
Result<Configuration> reader_configuration(const KafkaOptions& options);

Result<Client> make_producer(Configuration configuration);
Result<Client> make_reader(Configuration configuration);

}  // namespace binbus::sink::kafka
