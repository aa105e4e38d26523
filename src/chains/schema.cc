#include "chains/schema.h"

namespace fairlead::chains {

// chain_tasks.leased_until: 0 while the task waits for a worker. done_at: 0 while it is not done. attempt: of the step,
// which is counted on when the task is taken back and put out anew, as `leases` is not.
std::vector<store::Migration> migrations() {
  return {{"chains", 1, R"(
create table chain_tasks (
  task_key text not null primary key,
  project text not null,
  run text not null,
  step text not null,
  name text not null,
  input text not null,
  output_schema text not null,
  signal text not null,
  priority bigint not null,
  posted_at bigint not null,
  lease_us bigint not null,
  leases bigint not null,
  leased_until bigint not null,
  worker text not null,
  progress text not null,
  done_at bigint not null
);
create index chain_tasks_open on chain_tasks (project, name, leased_until) where done_at = 0;
create index chain_tasks_done on chain_tasks (done_at) where done_at > 0;
create table chain_results (
  project text not null,
  digest text not null,
  kept_at bigint not null,
  kept_until bigint not null,
  run text not null,
  step text not null,
  output text not null,
  primary key (project, digest)
);
create index chain_results_until on chain_results (kept_until);
)"},
          {"chains", 2, "alter table chain_tasks add column attempt bigint not null default 0;"}};
}

}  // namespace fairlead::chains
