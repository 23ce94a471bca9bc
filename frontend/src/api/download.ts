import { getBlob } from './client'

/** Hand a file of the API over to the browser's downloads. */
export async function download(path: string, name: string): Promise<void> {
  const address = URL.createObjectURL(await getBlob(path))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}
