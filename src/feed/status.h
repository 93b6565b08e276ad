// Errors as gRPC tells them.
#pragma once

#include "base/result.h"

namespace grpc {
class Status;
}

namespace binbus::feed {

grpc::Status to_grpc(const Error& error);

}  // namespace binbus::feed
