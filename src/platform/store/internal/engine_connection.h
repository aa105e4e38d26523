// What the rooms see of a connection, and what the engines need of it besides.
#pragma once
#include "platform/store/database.h"

namespace fairlead::store {

class EngineConnection : public Connection {
 public:
  // One or more statements without parameters or rows; not kept.
  virtual Result<void> run(const char* sql) = 0;
};

}  // namespace fairlead::store
