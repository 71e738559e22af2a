// Package serflow serves early-exit models. Open makes a Pipeline of a model;
// Infer answers one request, which leaves at the first exit that is sure enough.
//
// A model alone runs in process, on the caller's goroutines.
package serflow
