// Prints all rows of the tables of "shop", then every change of them; started again, it goes on where it was.
// usage: follow HOST:PORT...
#include <binbus/client.h>

#include <iostream>

void print(const binbus::Row& row) {
  for (size_t i = 0; i < row.size(); ++i)
    std::cout << " " << row[i].column().name << "=" << (row[i].is_null() ? "NULL" : row[i].text());
}

int main(int argc, char** argv) {
  auto client = binbus::Client::connect({argv + 1, argv + argc});
  auto feed = client->subscribe({.stream = "shop",
                                 .tables = {"shop.*"},
                                 .start = binbus::Start::snapshot(),
                                 .cursor = "my-app"});
  while (auto change = feed->next()) {
    std::cout << change->op() << " " << change->table();
    print(change->after() ? change->after() : change->before());
    std::cout << std::endl;
    change->commit();
  }
  std::cerr << feed->error()->what() << "\n";
  return 1;
}
