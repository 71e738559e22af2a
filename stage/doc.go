// Package stage describes an early-exit model: its tensors, its stages in order,
// and the runners that compute them on batches.
package stage
