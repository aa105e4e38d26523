// libpq, loaded when it is needed: a process that keeps its store in SQLite neither has it nor wants it installed.
#pragma once
#include <postgresql/libpq-fe.h>

#include "base/result.h"

// What is used of it.
#define FAIRLEAD_LIBPQ(X) \
  X(PQclear)              \
  X(PQcmdStatus)          \
  X(PQcmdTuples)          \
  X(PQconnectdbParams)    \
  X(PQconninfoFree)       \
  X(PQconninfoParse)      \
  X(PQconsumeInput)       \
  X(PQenterPipelineMode)  \
  X(PQerrorMessage)       \
  X(PQexitPipelineMode)   \
  X(PQfinish)             \
  X(PQflush)              \
  X(PQfreemem)            \
  X(PQftype)              \
  X(PQgetResult)          \
  X(PQgetisnull)          \
  X(PQgetlength)          \
  X(PQgetvalue)           \
  X(PQisBusy)             \
  X(PQnfields)            \
  X(PQnotifies)           \
  X(PQntuples)            \
  X(PQparameterStatus)    \
  X(PQpipelineSync)       \
  X(PQresultErrorField)   \
  X(PQresultErrorMessage) \
  X(PQresultStatus)       \
  X(PQsendPrepare)        \
  X(PQsendQuery)          \
  X(PQsendQueryParams)    \
  X(PQsendQueryPrepared)  \
  X(PQsetNoticeProcessor) \
  X(PQsetnonblocking)     \
  X(PQsocket)             \
  X(PQstatus)             \
  X(PQtransactionStatus)

namespace fairlead::store {

struct Libpq {
#define X(name) decltype(&::name) name = nullptr;
  FAIRLEAD_LIBPQ(X)
#undef X

  // Loads it the first time; the same ever after. Thread-safe. Error: store_unavailable.
  static Result<const Libpq*> load();
};

}  // namespace fairlead::store
