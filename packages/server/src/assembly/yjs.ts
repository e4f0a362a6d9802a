/** Puts together what connections of editors work with. */
import type { Config } from '../config/config.ts'
import { EditorDoor, type DocumentDoorDeps } from '../credentials/documents/document-door.ts'
import { HocuspocusEncoders } from '../sessions/yjs/document-frames.ts'
import type { YjsDeps } from '../sessions/yjs/yjs-deps.ts'
import type { DocumentParts } from './documents.ts'

type Ports = Omit<YjsDeps, 'documents' | 'door' | 'encoders' | 'prefixes'> &
  Pick<DocumentDoorDeps, 'bearers'> & { readonly documents: Pick<DocumentParts, 'documents'> }

export function openYjs({ documents: { prefixes } }: Pick<Config, 'documents'>, ports: Ports) {
  const { bearers, documents, ...deps } = ports
  const door = new EditorDoor({ ...deps, apps: deps.directory, bearers })
  const encoders = new HocuspocusEncoders()
  return { ...deps, door, encoders, prefixes, documents: documents.documents } satisfies YjsDeps
}
