# syntax=docker/dockerfile:1
# The command `millrace` on a slim Node: built JavaScript and its libraries, nothing that builds or installs.
ARG NODE=24.21.0

FROM node:${NODE}-slim AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.npm node scripts/setup.js && npm run package && npm prune --omit=dev --no-audit --no-fund && rm -r node_modules/@millrace

FROM node:${NODE}-slim
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
  && ln -s /opt/millrace/bin/millrace.js /usr/local/bin/millrace \
  # what a named volume holds at first: directories of the user
  && install -d -o node -g node /app /etc/millrace /var/lib/millrace /var/lib/millrace/schemas
ENV NODE_ENV=production
COPY --from=build /src/node_modules /opt/millrace/node_modules
COPY --from=build /src/dist/package /opt/millrace
COPY deploy/ready.js deploy/token.js /opt/millrace/
WORKDIR /app
USER node
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "/opt/millrace/ready.js"]
ENTRYPOINT ["millrace"]
CMD ["--help"]
