// Package worker is the place where a model's stages run when they do not run in the
// service's own process: a program that holds the whole model and serves requests for any
// contiguous part of it, over the Open Inference Protocol V2.
//
// Main makes a service's own program its worker. Rows wait in the queue of package queue,
// which says what runs next; this package is that queue in real time, behind HTTP.
//
// # A worker by hand
//
// Providers start workers; to try one, or to run one under a supervisor, start the program
// with SERFLOW_WORKER in its environment. If that is "stdin", what to serve is the first line
// of standard input, and the worker ends when the input does; if it is "environment", it is in the
// variable SERFLOW_START; else it names a file that holds the line:
//
//	(echo '{"kind":"vm","listen":"127.0.0.1:8080","pace":1,"setup":"{\"stages\":{\"First\":0,\"Last\":0},\"credential\":\"0123456789abcdef\"}"}'; cat) |
//		SERFLOW_WORKER=stdin ./service
//
// The line is a JSON object:
//
//	kind        "vm" or "function"
//	listen      host:port; a port of 0 is any
//	pace        the share of a core that one slot may use, above 0 and at most 1
//	credential  that callers must show, instead of that of the setup; may be left out
//	setup       a string that holds another object, of which only stages and a credential must be given
//
// and the setup is one too, with times in nanoseconds:
//
//	stages      {"First":0,"Last":2}: those that are to be served, counted from 0
//	credential  that callers must show
//	slots       batches at once; default 1
//	maxBatch    rows in a batch; default 1
//	window      longest that a row waits for company; default what pays by the curve, or 0
//	limit       rows at the worker; default 1024
//	need        by stage of the model: with less time left, a row is handed back; default none
//	least       by stage: with less than that, it is too late elsewhere too, and stays
//	rest        by stage: what a row seldom exceeds from there; one that would be in time as the next stays too
//	curve       by stage, what batches of 1, 2, ... rows take; without it they are as large as can be
//	orphan      the worker ends when it has not heard of its owner for so long; default half an hour, and never for a function
//	maxAge      at which it ends in any case; default never
//	stuck       a stage that runs for longer on one batch makes the worker unready; default 1 min
//	generation  of the plan that says so, which the metadata repeats
//
// When it serves, or cannot, the worker prints one line that begins with "serflow-worker ",
// after whatever the program itself prints. It goes on with {"address":"127.0.0.1:8080"}, or
// with {"error":"why"}, and then the worker exits with status 1.
//
// # What it answers
//
// All calls but the first carry "Authorization: Bearer" and the credential:
//
//	GET  /v2/health/live                whether the process serves at all
//	GET  /v2/health/ready               whether it takes rows: not while it drains, nor once a stage is stuck
//	GET  /v2, /v2/models/NAME           metadata; also of /versions/1 of the model
//	GET  /v2/models/NAME/ready          as /v2/health/ready
//	POST /v2/models/NAME/infer          a request of the protocol, in JSON or binary, with our additions or without
//	POST /serflow/v1/drain              take no more rows
//	POST /serflow/v1/setup              go by another setup: see below
//	POST /serflow/v1/invoke             infer, for carriers that know only bodies: see below
//
// The metadata's inputs and outputs are those that the first and the last stage say that they
// have. Stages of package onnx do; Go functions (stage.Func) do not, and then the lists are empty.
//
// A request without our additions is taken through the whole model, up to the exit at which
// each row leaves. Beside the outputs that all its rows have, its reply has serflow_exit,
// serflow_class and serflow_confidence, one value a row.
//
// # Another setup
//
// A worker holds the whole model, so it can serve other stages than those that it was launched for. At
// /serflow/v1/setup it takes another setup, as the object itself, and goes by it from then on: the last one that came
// is in force, and to send one twice harms nothing. Rows that it has go on as their requests say.
// Slots must be those of before, and credential, orphan and maxAge of the first setup stay. A setup
// that cannot be is answered with the code invalid, and changes nothing.
//
// # The additions
//
// They are parameters of the protocol's messages. A request has
//
//	serflow_version       1
//	serflow_fingerprint   of the model
//	serflow_generation    of the plan
//	serflow_first         the stage that the rows enter, counted from 0
//	serflow_last          the last stage to run
//	serflow_remaining_ns  until the deadline; left out if there is none
//	serflow_keep          true if nothing else would be in time; left out if not
//	serflow_exits         one policy a stage: "maxprob 0.93 1.31;patience 2;final"; the model's if left out
//	serflow_asked         like serflow_exits: what each exit is asked beside, whether the row leaves there or not; left out if nothing is
//	serflow_idle          true if the rows are to be served when no others wait; left out if not
//	serflow_states        one class:run a row: "3:2,1:1"
//
// and its reply
//
//	serflow_version     1
//	serflow_service_ns  how long the worker worked
//	serflow_stage_ns    how long it worked at each stage that ran, in order: "1500,20"; of a reply of one row, or of rows that all ran as one batch
//	serflow_load        rows that the worker still has
//	serflow_parts       rows by where they left: "exit 2 0:7:0.93;go 3 1:4:2,2:0:0"
//	serflow_seen        class:score for each exit that was asked beside, in order, row by row: "7:0.6,7:0.93;4:0.5;"; left out if none was
//
// whose outputs carry the index of their part as serflow_part. An exit is written as its kind,
// the threshold or patience that the kind reads, and the temperature if it is not 0. A row of a
// part is row:class:confidence if it left at an exit, row:class:run if it goes on with a state,
// and row alone if it has none. Rows that go on come with the inputs of the stage that is next,
// unless none has run.
//
// The model's metadata has serflow_version, serflow_fingerprint, serflow_first and serflow_last, serflow_generation if it
// is not 0, and serflow_peak_bytes: the most memory that the worker's process has used, if it knows.
// An error is the protocol's, with a serflow_code among its parameters: invalid, version,
// fingerprint, unauthorized, not_found, full, draining, late, stage, too_large or internal.
//
// At /serflow/v1/invoke, a request and its answer are each a frame: "SFW1", the length of the
// message's JSON as a little-endian uint32, and the message. An error is in a frame too. The first
// answer there has a header Serflow-Init-Ns: how long the program took until it could serve.
//
// Package remote is a client of all this.
package worker
