// Package wire is what a client and a worker say to each other: the Open Inference
// Protocol V2 over HTTP, as JSON or with its binary tensor data extension, and
// our additions to it as parameters.
//
// A message is a JSON header and then the binary data of its tensors, in order.
// The headers that this package writes are padded with spaces to a multiple of 8
// bytes, so that the first tensor begins aligned. Decoding copies no tensor that
// came in binary: it shares the memory of the message.
//
// Our additions are the parameters of a request
//
//	serflow_version       1
//	serflow_fingerprint   of the model
//	serflow_generation    of the plan
//	serflow_first         the stage that the rows enter, counted from 0
//	serflow_last          the last stage to run
//	serflow_remaining_ns  until the deadline; left out if there is none
//	serflow_keep          true if nothing else would be in time; left out if not
//	serflow_exits         one policy a stage: "maxprob 0.93 1.31;patience 2;final"
//	serflow_asked         like serflow_exits: what each exit is asked beside, whether the row leaves there or not; left out if nothing is
//	serflow_idle          true if the rows are to be served when no others wait; left out if not
//	serflow_states        one class:run a row: "3:2,1:1"
//
// and those of a reply
//
//	serflow_version     1
//	serflow_service_ns  how long the worker worked
//	serflow_stage_ns    how long it worked at each stage that ran, in order: "1500,20"; of a reply of one row
//	serflow_load        rows that the worker still has
//	serflow_parts       rows by where they left: "exit 2 0:7:0.93;go 3 1:4:2,2:0:0"
//	serflow_seen        class:score for each exit that was asked beside, in order, row by row: "7:0.6,7:0.93;4:0.5;"; left out if none was
//
// whose outputs carry the index of their part as serflow_part. An exit is written
// as its kind, the threshold or patience that the kind reads, and the temperature
// if it is not 0. A row of a part is row:class:confidence if it left at an exit,
// row:class:run if it goes on with a state, and row alone if it has none.
//
// All functions may be called from many goroutines at once.
package wire
