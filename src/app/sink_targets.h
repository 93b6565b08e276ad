// From a sink's configuration to the target that it names.
#pragma once

#include <functional>
#include <memory>

#include "io/clock.h"
#include "io/file.h"
#include "sink/options.h"
#include "sink/target.h"

namespace binbus::app {

using MakeTarget =
    std::function<Result<std::unique_ptr<sink::Target>>(const sink::SinkOptions& options)>;

// For one sink. The function connects to nothing, may be called from any thread, and says kInvalid, naming the key, for
// options that make no sense. Targets made of equal options share what they have learned of their brokers.
MakeTarget target_maker(io::FileSystem& files, io::Clock& clock);

}  // namespace binbus::app
