#!/bin/sh
# Makes what docker/compose.yaml reads: docker/secrets/*, random where you have no better,
# and docker/.env. What is there already stays as it is.
#
#   docker/make_secrets.sh
#   printf %s 'the token of your account' > docker/secrets/plivo_auth_token
set -eu
cd "$(dirname "$0")"

# The folder keeps them from others on this machine. In the containers each is a mount of
# its own, which a user who is not root must be able to read.
mkdir -p secrets
chmod 700 secrets
for name in plivo_auth_token stream_secret admin_token grafana_password; do
    if [ ! -e "secrets/$name" ]; then
        head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' > "secrets/$name"
        chmod 444 "secrets/$name"
        echo "made docker/secrets/$name"
    fi
done

if [ ! -e .env ]; then
    cp env.example .env
    echo "made docker/.env: read it"
fi
