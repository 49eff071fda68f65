// Package browsertest tests the page of package asyncview as people see it: in Chromium,
// which chromedp drives. It has tests only.
package browsertest
