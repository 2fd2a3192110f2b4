#!/bin/sh
set -eu
: "${PROXY_URL:=http://127.0.0.1:8080}"

# was: https://any:$GITHUB_TOKEN@github.com/octocat/Hello-World.git
git ls-remote --heads "$(echo "$PROXY_URL" | sed "s|://|://any:$CLIENT_TOKEN@|")/git/octocat/Hello-World.git"
