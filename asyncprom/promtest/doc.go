// Package promtest holds the dashboard of asyncprom against what asyncprom exports, by the
// parser and the engine of Prometheus itself. It is a module of its own, so that nobody who
// uses asyncprom requires Prometheus.
package promtest
