#include "binlog/event.h"

namespace binbus::binlog {
namespace {

constexpr std::array<std::string_view, 43> kMysqlNames = {"Unknown",
                                                          "Start_v3",
                                                          "Query",
                                                          "Stop",
                                                          "Rotate",
                                                          "Intvar",
                                                          "Load",
                                                          "Slave",
                                                          "Create_file",
                                                          "Append_block",
                                                          "Exec_load",
                                                          "Delete_file",
                                                          "New_load",
                                                          "RAND",
                                                          "User var",
                                                          "Format_desc",
                                                          "Xid",
                                                          "Begin_load_query",
                                                          "Execute_load_query",
                                                          "Table_map",
                                                          "Write_rows_event_old",
                                                          "Update_rows_event_old",
                                                          "Delete_rows_event_old",
                                                          "Write_rows_v1",
                                                          "Update_rows_v1",
                                                          "Delete_rows_v1",
                                                          "Incident",
                                                          "Heartbeat",
                                                          "Ignorable",
                                                          "Rows_query",
                                                          "Write_rows",
                                                          "Update_rows",
                                                          "Delete_rows",
                                                          "Gtid",
                                                          "Anonymous_Gtid",
                                                          "Previous_gtids",
                                                          "Transaction_context",
                                                          "View_change",
                                                          "XA_prepare",
                                                          "Update_rows_partial",
                                                          "Transaction_payload",
                                                          "Heartbeat",
                                                          "Gtid_tagged_log_event"};

constexpr uint8_t kMariadbFirst = 160;
constexpr std::array<std::string_view, 12> kMariadbNames = {"Annotate_rows",
                                                            "Binlog_checkpoint",
                                                            "Gtid",
                                                            "Gtid_list",
                                                            "Start_encryption",
                                                            "Query_compressed",
                                                            "Write_rows_compressed_v1",
                                                            "Update_rows_compressed_v1",
                                                            "Delete_rows_compressed_v1",
                                                            "Write_rows_compressed",
                                                            "Update_rows_compressed",
                                                            "Delete_rows_compressed"};

}  // namespace

std::string_view event_type_name(uint8_t type) {
  if (type < kMysqlNames.size()) return kMysqlNames[type];
  if (type < kMariadbFirst || type >= kMariadbFirst + kMariadbNames.size()) return kMysqlNames[0];
  return kMariadbNames[type - kMariadbFirst];
}

}  // namespace binbus::binlog
