module github.com/seed4712c49f/async/asyncview/browsertest

go 1.26.0

replace github.com/seed4712c49f/async => ../../

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/seed4712c49f/async v0.0.0-00010101000000-000000000000
	github.com/soniakeys/quant v1.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
