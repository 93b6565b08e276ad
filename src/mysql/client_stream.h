// A connection that libmariadb made, as a byte stream read and written without it.
#pragma once

#include <memory>

#include "mysql/client.h"

struct ssl_st;

namespace binbus::mysql {

// `descriptor` and `ssl` (null without TLS) are the client's and live as long as it does.
std::unique_ptr<io::Stream> make_client_stream(std::unique_ptr<Client> client, int descriptor,
                                               ssl_st* ssl);

}  // namespace binbus::mysql
