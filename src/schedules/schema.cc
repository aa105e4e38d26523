#include "schedules/schema.h"

namespace fairlead::schedules {

// schedules.last: the last tick that was handled; at first, when the schedule was first seen with that timing.
// revision: the project's, when it got that timing: a node that has not heard of it yet does not put the old one back.
// schedule_backfill_runs: ticks that were taken and have not ended; run is empty until theirs is known.
std::vector<store::Migration> migrations() {
  return {{"schedules", 1, R"(
create table schedules (
  project text not null,
  name text not null,
  timing text not null,
  last bigint not null,
  revision bigint not null,
  started bigint not null,
  run text not null,
  error text not null,
  primary key (project, name)
);
create table schedule_backfills (
  id text not null primary key,
  project text not null,
  schedule text not null,
  begin_at bigint not null,
  end_at bigint not null,
  at_once bigint not null,
  total bigint not null,
  taken_until bigint not null,
  state text not null,
  started bigint not null,
  had_run bigint not null,
  failed bigint not null,
  created_at bigint not null,
  author text not null
);
create index schedule_backfills_open on schedule_backfills (state) where state = 'running';
create table schedule_backfill_runs (
  backfill text not null,
  tick bigint not null,
  run text not null,
  primary key (backfill, tick)
);
)"}};
}

}  // namespace fairlead::schedules
