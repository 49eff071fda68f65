// Package verify holds what is too heavy, or needs too much, to stand beside the
// tests of package async: recorded histories of concurrent operations that are
// checked against sequential models, random sequences of operations against a
// model, a model of the completion protocol for a model checker, bugs to plant in
// the library so that the tests prove that they find them, and a soak. What each
// shows, and what none of them does, is in docs/verification.md.
//
// Built with the tag asyncexplore, the histories are recorded under schedules that
// the explorer chooses; without it, as the machine has it.
package verify
