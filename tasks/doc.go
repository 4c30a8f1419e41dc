// Package tasks holds whole trainings: what pmx can train, one file a task, and Run,
// which trains any of them without a command line.
//
//	Recipe -> Data -> Feeder -> Session(Step) -> State -> Checkpoint -> Export
//
// A Task names a kind of training and makes its Recipe: a flat struct whose tagged
// fields are the keys of a run's config.json (package keys). The recipe says all of
// the training: the step (Plan), the schedules, the data and how the state starts.
// Run does the rest for every task: checkpoints that resume bit for bit, metrics,
// evaluation on the way, a stop at NaN or at the end of a context, a profile.
//
// A task is one file that registers itself; nothing else mentions it. A Preset is a
// named recipe, likewise.
package tasks
