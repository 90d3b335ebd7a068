// The worker's side: what runs in the process that the parent started.
#pragma once

namespace careen {

// Call first in main(): when the process was started as a worker, does its work and returns its exit status; else -1.
int worker_main(int argc, char** argv);

}  // namespace careen
