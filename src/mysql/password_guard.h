// Keeps libmariadb from sending a password as it is. Its methods caching_sha2_password and sha256_password do so whenever TLS
// was asked for, even when there is none because the server, or somebody in between, does not offer it.
#pragma once

struct st_mysql;

namespace binbus::mysql {

// Puts a look at what the server offers before these methods, for every connection of the process. Once, before the first.
void guard_passwords();

// Whether the connection failed because of that look: TLS was asked for, and there is none.
bool lacked_tls_for_password(st_mysql* handle);

}  // namespace binbus::mysql
