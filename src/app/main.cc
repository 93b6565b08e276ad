#include "app/app.h"

int main(int argc, char** argv) { return binbus::app::run(argc, argv); }
