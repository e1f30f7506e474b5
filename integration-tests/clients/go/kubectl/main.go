// kubectl of the release whose API is served: writes protobuf, streams over WebSockets, reads OpenAPI v3.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() {
	os.Exit(cli.Run(cmd.NewDefaultKubectlCommand()))
}
