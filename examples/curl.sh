#!/bin/sh
set -eu
: "${PROXY_URL:=http://127.0.0.1:8080}"

# was: https://api.stripe.com/v1/customers, and -u "$STRIPE_SECRET_KEY:"
curl -sS --fail-with-body "$PROXY_URL/v1/customers" \
  -u "$CLIENT_TOKEN:" \
  -d email=ada@example.com
echo
